"""What is known of observations beyond their files: metadata files and headers to rows of the data model."""
