"""The site and the printed report, with the claims, ledgers, notebooks, tables and figures.

Both are made from committed files only. `pages` writes the sources that Sphinx reads, and `report`
writes an HTML page that a browser prints::

    python -m mobile_storage.tools.site           # build/site
    python -m mobile_storage.tools.site report    # build/report.pdf
"""
