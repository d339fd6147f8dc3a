"""`evaluation.html`: an evaluation as one page that needs nothing but a browser.

`write.py` puts it together from `page.html`, `page.css` and `page.js`, which lie beside it.
"""
