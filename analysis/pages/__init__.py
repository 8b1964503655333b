"""Web pages of the jobs: the list of services, forms, documentation, a job."""
