"""The log on a database, by SQLAlchemy Core: tables, appends and reads, and what differs by engine in one file each."""
