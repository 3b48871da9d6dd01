"""REST: the documented endpoints of both APIs, and those around them, over the desk."""
