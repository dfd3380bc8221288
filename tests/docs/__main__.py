"""Write the documents that are made from the code."""

from tests.docs.tables import FOLDER, PAGES

for name, make in PAGES.items():
    (FOLDER / name).write_text(make())
