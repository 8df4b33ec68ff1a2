"""The pages of a run beyond the addresses that it is given: a sitemap, a crawl."""
