"""The version of the package, and of the protocol that jar and wheel share."""

__version__ = "0.1.0"

#: Raised by one whenever a message between the jar and the Python worker changes its meaning.
PROTOCOL = 2
