using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (
      name = "echo",
      worker = (
        modules = [(name = "echo.js", esModule = embed "workerd-echo.js")],
        compatibilityDate = "2026-01-01",
      ),
    ),
  ],
  # The port is given on the command line.
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "echo")],
);
