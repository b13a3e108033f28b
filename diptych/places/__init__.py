"""Places where documents are, besides folders of this machine: buckets, SFTP and web servers."""
