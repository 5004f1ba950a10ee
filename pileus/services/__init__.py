"""AWS's services, one package an API. They never import each other: they `call.invoke(...)`."""
