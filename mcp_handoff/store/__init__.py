"""The store of our own: every operation a plain function of a transaction.

Each function takes a `Transaction`, the `Caller` and the request, and returns the result that the
`Backend` protocol promises; it runs on any database that gives it a transaction.
"""
