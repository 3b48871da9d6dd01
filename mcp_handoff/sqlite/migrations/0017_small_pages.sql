-- The newest tickets with a term are read from its end, and each page of the index that holds some of
-- them as a whole: smaller ones take two thirds of the time, and one per cent more space.
INSERT INTO ticket_terms (ticket_terms, rank) VALUES ('pgsz', 1000);
