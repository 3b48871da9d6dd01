"""The portal: the desk as people see it, in pages that need no script."""
