"""The rules, by what they are about; `ilk.lint.registry` lists them."""
