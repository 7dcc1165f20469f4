"""The flip test: which verdicts hang on values that the papers do not give.

A *world* gives every value that has a range a place in it, all at once. `design` says which values
move and draws the worlds, `pricing` and `mmbes` answer the claims of a paper in one world each,
`run` has them all answered by Dask, and `analysis` says what the answers come to.
"""
