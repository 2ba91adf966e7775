"""The coordinator: hands out claims, refuses duplicates, keeps the history, publishes the best."""
