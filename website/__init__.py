"""The docs site: what MkDocs calls, and the reference pages, which are made from the code."""
