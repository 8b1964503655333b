"""One job, shut in: namespaces, limits and a watch over what it takes."""
