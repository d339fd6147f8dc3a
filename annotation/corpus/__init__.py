"""The bundled corpus (README.md beside this file tells what it is) and how it is made."""
