"""New workspaces: made from a template, from an OpenAPI document, or from a server that exists."""
