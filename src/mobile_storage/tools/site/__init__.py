"""The site and the printed report: claims, ledgers, notebooks, tables and figures to read.

Everything comes from what is committed; `pages` writes the sources that Sphinx reads, `report` an
HTML page that a browser prints::

    python -m mobile_storage.tools.site           # build/site
    python -m mobile_storage.tools.site report    # build/report.pdf
"""
