"""The library's acquisitions office: another department's web API, with an OpenAPI document of its own."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

PROBLEM = "application/problem+json"


class Supplier(BaseModel):
    """Somebody who sells books to libraries."""

    id: str
    name: str
    town: str
    delivery_days: int = Field(description="Working days from order to delivery")


class Offer(BaseModel):
    """A title that a supplier has for sale."""

    isbn: str
    title: str
    author: str
    supplier_id: str
    price_pence: int


class Suggestion(BaseModel):
    """What the office is asked to buy."""

    isbn: str = Field(description="ISBN-13 of a title on offer", pattern=r"^97[89]\d{10}$")
    copies: int = Field(1, ge=1, le=20)
    reason: str = Field("", max_length=200, description="Who asked for it, or why it is needed")


class Change(BaseModel):
    """What may be changed of an order that has not been sent."""

    copies: int | None = Field(None, ge=1, le=20)
    reason: str | None = Field(None, max_length=200)


class Order(BaseModel):
    """A suggestion that the office has taken up."""

    id: str
    isbn: str
    title: str
    supplier_id: str
    copies: int
    total_pence: int
    reason: str
    status: Literal["suggested", "sent", "cancelled"]


class Budget(BaseModel):
    """What may be spent this year, and what is left of it."""

    year: int
    total_pence: int
    committed_pence: int
    left_pence: int


class Problem(BaseModel):
    """Why a request failed (RFC 9457)."""

    title: str
    status: int
    detail: str


SUPPLIERS = (
    Supplier(id="harbour", name="Harbour Book Supply", town="Leith", delivery_days=3),
    Supplier(id="northlight", name="Northlight Library Services", town="Inverness", delivery_days=5),
    Supplier(id="quire", name="Quire & Daughters", town="Peebles", delivery_days=10),
)
_OFFERS = (
    # isbn, title, author, supplier, pence: real books, at prices that nobody asks
    ("9780141439518", "Pride and Prejudice", "Jane Austen", "harbour", 899),
    ("9780141439600", "A Tale of Two Cities", "Charles Dickens", "harbour", 799),
    ("9780141441146", "Jane Eyre", "Charlotte Brontë", "northlight", 899),
    ("9780140449266", "The Count of Monte Cristo", "Alexandre Dumas", "northlight", 1499),
    ("9780140449136", "Crime and Punishment", "Fyodor Dostoyevsky", "quire", 1099),
    ("9780141439471", "Frankenstein", "Mary Shelley", "quire", 749),
)
OFFERS = tuple(
    Offer(isbn=isbn, title=title, author=author, supplier_id=supplier, price_pence=pence)
    for isbn, title, author, supplier, pence in _OFFERS
)
BUDGET_PENCE = 500_000
BEARER = HTTPBearer(auto_error=False, description="The office's token")


@dataclass
class Trouble:
    """What the office's next requests meet, for a lesson on retries and time limits. Consumed one by one.

    >>> app.state.trouble.unavailable(2, retry_after=1)   # the next two answer 503
    >>> app.state.trouble.slow(seconds=3)                 # the one after them takes three seconds
    """

    def __post_init__(self) -> None:
        self._next: deque[tuple[str, float]] = deque()

    def __len__(self) -> int:
        return len(self._next)

    def unavailable(self, times: int = 1, *, retry_after: int = 1) -> None:
        """Let the next requests answer 503, with a `Retry-After` header (seconds)."""
        self._next.extend([("unavailable", retry_after)] * times)

    def slow(self, times: int = 1, *, seconds: float) -> None:
        """Let the next requests take so much longer."""
        self._next.extend([("slow", seconds)] * times)

    def lost(self, times: int = 1, *, retry_after: int = 1) -> None:
        """Let the next requests be carried out, and their answers be lost: the client sees a 503.

        That is when a retry orders twice, unless it has an `Idempotency-Key`.
        """
        self._next.extend([("lost", retry_after)] * times)

    def clear(self) -> None:
        """No more trouble."""
        self._next.clear()

    def take(self) -> tuple[str, float]:
        """What the request that comes in now meets."""
        return self._next.popleft() if self._next else ("", 0)


class _Books:
    """The office's files. Each app has its own, and starts with the same two orders."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.answers: dict[str, tuple[Suggestion, Order]] = {}
        self.suggest(Suggestion(isbn="9780141439518", copies=4, reason="Reading group in Leith"))
        self.suggest(Suggestion(isbn="9780140449136", copies=1, reason="Replaces a lost copy"))
        self.orders["A-1001"].status = "sent"

    def suggest(self, wanted: Suggestion) -> Order:
        offer = next((offer for offer in OFFERS if offer.isbn == wanted.isbn), None)
        if offer is None:
            raise HTTPException(404, f"no supplier offers {wanted.isbn}: search /offers for what there is")
        cost = offer.price_pence * wanted.copies
        if cost > BUDGET_PENCE - self.committed:
            raise HTTPException(409, f"{cost} pence is more than is left of this year's budget")
        number = f"A-{1001 + len(self.orders)}"
        self.orders[number] = Order(
            id=number,
            isbn=offer.isbn,
            title=offer.title,
            supplier_id=offer.supplier_id,
            copies=wanted.copies,
            total_pence=cost,
            reason=wanted.reason,
            status="suggested",
        )
        return self.orders[number]

    @property
    def committed(self) -> int:
        return sum(order.total_pence for order in self.orders.values() if order.status != "cancelled")

    def order(self, number: str) -> Order:
        if number not in self.orders:
            raise HTTPException(404, f"there is no order {number}")
        return self.orders[number]

    def open_order(self, number: str) -> Order:
        order = self.order(number)
        if order.status != "suggested":
            raise HTTPException(409, f"order {number} is {order.status}: only a suggested one can change")
        return order


TITLES = {
    401: "Not signed in",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    422: "Not understood",
    503: "Busy",
}


def _answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of failures."""
    schema = {PROBLEM: {"schema": Problem.model_json_schema()}}
    return {status: {"description": TITLES[status], "content": schema} for status in statuses}


def acquisitions_office(*, token: str | None = None) -> FastAPI:
    """Make the office's web application, with files of its own; `serve` serves it.

    Args:
        token: The bearer token that every request must carry; None lets everybody in.

    Returns:
        The application. `app.state.trouble` makes it misbehave (see `Trouble`); `app.state.requests` lists
        the requests that it got, as "GET /suppliers", trouble included.

    >>> office = acquisitions_office(token=secret)
    >>> async with serve(office) as address: ...

    Source: https://fastapi.tiangolo.com/advanced/generate-clients/ (operation ids),
    RFC 9457 (problems), RFC 9110 (Retry-After), draft-ietf-httpapi-idempotency-key-header
    """
    books = _Books()

    def admitted(
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    ) -> None:
        given = credentials.credentials if credentials else ""
        if token is not None and not secrets.compare_digest(given.encode(), token.encode()):
            raise HTTPException(401, "a bearer token of the office is needed", {"WWW-Authenticate": "Bearer"})

    app = FastAPI(
        title="Acquisitions office",
        version="1.0.0",
        description="Suppliers, titles on offer, and orders of books for the library.",
        dependencies=[Depends(admitted)] if token is not None else [],
        responses=_answers(*(() if token is None else (401,)), 422, 503),
        docs_url=None,  # those pages load their scripts from elsewhere
        redoc_url=None,
    )
    app.state.trouble = Trouble()
    app.state.requests = []

    @app.middleware("http")
    async def meet_trouble(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.url.path == app.openapi_url:  # reading the document is no request to the office
            return await go_on(request)
        app.state.requests.append(f"{request.method} {request.url.path}")
        kind, number = app.state.trouble.take()
        if kind == "slow":
            await asyncio.sleep(number)
        if kind != "unavailable":
            response = await go_on(request)
        if kind in ("unavailable", "lost"):
            late = {"Retry-After": str(int(number))}
            return _problem(503, "the office is busy: try again in a moment", late)
        return response

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return _problem(error.status_code, error.detail, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, error: RequestValidationError) -> Response:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors())
        return _problem(422, wrong)

    @app.get("/suppliers", operation_id="list_suppliers", tags=["public"])
    async def list_suppliers() -> list[Supplier]:
        """List the suppliers that the library buys from."""
        return list(SUPPLIERS)

    @app.get(
        "/suppliers/{supplier_id}", operation_id="get_supplier", tags=["public"], responses=_answers(404)
    )
    async def get_supplier(supplier_id: str) -> Supplier:
        """One supplier, and how many days a delivery takes."""
        for supplier in SUPPLIERS:
            if supplier.id == supplier_id:
                return supplier
        raise HTTPException(404, f"there is no supplier {supplier_id!r}")

    @app.get("/offers", operation_id="search_offers", tags=["public"])
    async def search_offers(
        text: Annotated[str, Query(description="Words of the title or the author", max_length=100)] = "",
        max_price_pence: Annotated[int | None, Query(ge=0, description="At most this price")] = None,
        limit: Annotated[int, Query(ge=1, le=50)] = 10,
    ) -> list[Offer]:
        """Search the titles that suppliers have for sale, by words and price."""
        words = text.casefold().split()
        found = (
            offer
            for offer in OFFERS
            if all(word in f"{offer.title} {offer.author}".casefold() for word in words)
            and (max_price_pence is None or offer.price_pence <= max_price_pence)
        )
        return sorted(found, key=lambda offer: offer.title)[:limit]

    @app.get("/orders", operation_id="list_orders", tags=["staff"])
    async def list_orders() -> list[Order]:
        """List all orders, oldest first."""
        return list(books.orders.values())

    @app.get("/orders/{order_id}", operation_id="get_order", tags=["staff"], responses=_answers(404))
    async def get_order(order_id: str) -> Order:
        """One order, and what has become of it."""
        return books.order(order_id)

    @app.post(
        "/orders",
        operation_id="suggest_purchase",
        tags=["staff"],
        status_code=201,
        responses=_answers(404, 409),
    )
    async def suggest_purchase(
        wanted: Suggestion,
        idempotency_key: Annotated[
            str | None,
            Header(description="The same key with the same body orders once", min_length=8, max_length=100),
        ] = None,
    ) -> Order:
        """Suggest that the office buys a title.

        Send an Idempotency-Key, so that a retry does not order twice.
        """
        if idempotency_key is None:
            return books.suggest(wanted)
        if idempotency_key in books.answers:
            before, order = books.answers[idempotency_key]
            if before != wanted:
                raise HTTPException(422, "this Idempotency-Key was used with another body: make a new one")
            return order
        order = books.suggest(wanted)
        books.answers[idempotency_key] = (wanted, order.model_copy())
        return order

    @app.patch(
        "/orders/{order_id}", operation_id="change_order", tags=["staff"], responses=_answers(404, 409)
    )
    async def change_order(order_id: str, change: Change) -> Order:
        """Change copies or reason of an order that has not been sent."""
        order = books.open_order(order_id)
        if change.copies is not None:
            order.total_pence = order.total_pence // order.copies * change.copies
            order.copies = change.copies
        if change.reason is not None:
            order.reason = change.reason
        return order

    @app.delete(
        "/orders/{order_id}", operation_id="cancel_order", tags=["staff"], responses=_answers(404, 409)
    )
    async def cancel_order(order_id: str) -> Order:
        """Cancel an order that has not been sent. It stays on file as cancelled."""
        order = books.open_order(order_id)
        order.status = "cancelled"
        return order

    @app.get("/admin/budget", operation_id="read_budget", tags=["staff", "admin"])
    async def read_budget() -> Budget:
        """What is left of the year's money. For the head of acquisitions alone."""
        spent = books.committed
        return Budget(
            year=2026, total_pence=BUDGET_PENCE, committed_pence=spent, left_pence=BUDGET_PENCE - spent
        )

    return app


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    body = {"title": TITLES.get(status, "Refused"), "status": status, "detail": detail}
    return JSONResponse(body, status, headers, PROBLEM)
