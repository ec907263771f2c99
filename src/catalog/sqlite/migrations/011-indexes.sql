-- So that a filter that nothing matches is no walk over all rows: it would hold the serving thread.
CREATE INDEX meters_by_status ON meters (namespace, status, ordinal);
CREATE INDEX deliveries_by_state ON deliveries (destination, state, event);
