ALTER TABLE customers ADD COLUMN test_clock TEXT;
-- JSON; null: nothing of it was ever set.
ALTER TABLE customers ADD COLUMN billing TEXT;

-- Lists leave out customers of a test clock, or have those of one.
CREATE INDEX customers_by_clock ON customers (namespace, test_clock, ordinal) WHERE deleted = 0;

-- What a search begins with: the words of texts, and the values of metadata, by the ordinals of customers that have them.
-- Not of deleted ones.
CREATE TABLE customer_terms (
  namespace TEXT NOT NULL,
  field TEXT NOT NULL,
  term TEXT NOT NULL,
  customer INTEGER NOT NULL,
  PRIMARY KEY (namespace, field, term, customer)
) STRICT, WITHOUT ROWID;

INSERT INTO customer_terms
SELECT c.namespace, terms.field, terms.term, c.ordinal
FROM customers AS c, terms_of(coalesce(c.email, ''), coalesce(c.name, ''), coalesce(c.phone, ''), c.metadata) AS terms
WHERE c.deleted = 0;
