"""The example in the package's README gives what it says."""

import doctest


def test_the_example_of_the_readme_gives_what_it_says(repository):
    readme = repository / "src/mobile_storage/bilevel/README.md"
    failed, tried = doctest.testfile(str(readme), module_relative=False)
    assert (failed, tried > 0) == (0, True)
