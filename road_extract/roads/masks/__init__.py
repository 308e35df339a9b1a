"""Road masks that stream by in strips: runs, components, small ones dropped, small holes filled.

Arrays only: no geometry is made here, and no file is opened.
"""
