"""Tests of merging parties and of giving a party another id."""
