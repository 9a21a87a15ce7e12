"""What a server.py looks like: the lines that export writes around the cells.

docstring, PEP 723 block, chapters, seal      the head
import ...                                     the imports
# %% 01_tools.ipynb#find-books  Find books     a section: a title, and the text of one cell
# %% How the server starts ...                 the tail
"""

from __future__ import annotations

import hashlib
import re

TITLE = re.compile(r"^# %% (\S+\.ipynb)#(\S+)(?:  .*)?$", re.MULTILINE)
TAIL_TITLE = "# %% How the server starts when this file is run"
CHAPTER_LINE = re.compile(r"^# chapter (\S+) sha256:([0-9a-f]{16})$", re.MULTILINE)
SEAL_LINE = re.compile(r"^# this file, but for this line, sha256:([0-9a-f]{16})\n", re.MULTILINE)


def seal(rest: str) -> str:
    """The line with which an export vouches for the rest of the file."""
    return f"# this file, but for this line, sha256:{hashlib.sha256(rest.encode()).hexdigest()[:16]}\n"


def is_untouched(text: str) -> bool:
    """Is this the text of a server.py as an export wrote it, without an edit?

    >>> is_untouched("x = 1\\n" + seal("x = 1\\n")), is_untouched("x = 2\\n" + seal("x = 1\\n"))
    (True, False)
    """
    found = SEAL_LINE.search(text)
    return found is not None and found[0] == seal(text[: found.start()] + text[found.end() :])
