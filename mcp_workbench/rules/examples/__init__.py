"""Servers that go wrong, and servers that do not: tests run them, `explain` and chapter 13 show them."""
