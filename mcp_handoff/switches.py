"""Settings that are on or off, as the environment has them."""

TRUE = ("1", "true", "yes", "on")
FALSE = ("", "0", "false", "no", "off")
