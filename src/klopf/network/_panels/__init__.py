"""The panels of a run's page, a file each."""

__all__: list[str] = []
