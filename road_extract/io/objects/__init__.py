"""Writes whole objects to S3, Google Cloud Storage and Azure Blob Storage, and keeps two runs apart there.

Only this package may import obstore, which is an extra (`road-extract[cloud]`). Scenes are read by `io.raster`.
"""

from road_extract.io.objects.bucket import Bucket, Stored, local_copy
from road_extract.io.objects.lease import Lease, hold_lease, wait_for_end

__all__ = ["Bucket", "Lease", "Stored", "hold_lease", "local_copy", "wait_for_end"]
