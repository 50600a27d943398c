"""Where rows come from: the hub, local files of many formats, the built-in corpus."""
