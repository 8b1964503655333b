"""What runs inside the instance, under the system's Python; `bench` itself runs in the tests' environment."""
