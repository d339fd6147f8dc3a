"""One server for a model: plain prediction over HTTP, and Label Studio's ML backend protocol."""
