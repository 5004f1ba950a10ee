"""Lifecycle: objects move to colder classes and expire, by the rules of their bucket."""
