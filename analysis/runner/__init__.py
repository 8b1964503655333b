"""The process that starts, watches and ends jobs; its memory is the database."""
