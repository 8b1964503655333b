"""UWS 1.1: jobs, their phases, the documents that tell of them, and the requests that move them."""
