"""The governor over real sockets: servers, clients and uploads as processes of their own, in real time."""
