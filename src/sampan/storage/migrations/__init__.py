"""Steps of the schema, run in order by `storage.migrate`."""
