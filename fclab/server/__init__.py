"""The HTTP face of a lab: official clients call it as they call the product. See `fclab.server.app` for what answers what."""
