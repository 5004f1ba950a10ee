"""One package an AWS API. They import the kit and never each other."""
