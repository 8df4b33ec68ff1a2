# GET /pages/{id} by Cowboy and GenServer.call: elixir http.exs FILE PORT
# FILE holds records of a 2-byte length and an id, then a 4-byte length and its JSON.
Code.require_file("page.ex", __DIR__)

defmodule Bench.Handler do
  alias Bench.Page

  def init(request, state) do
    id = :cowboy_req.binding(:id, request)

    reply =
      case Page.whereis(id) do
        nil ->
          :cowboy_req.reply(404, request)

        pid ->
          json = GenServer.call(pid, :json)
          headers = %{"content-type" => "application/json", "etag" => "\"7\"", "vary" => "Accept"}
          :cowboy_req.reply(200, headers, json, request)
      end

    {:ok, reply, state}
  end
end

defmodule Bench.Http do
  alias Bench.Page

  def run(file, port) do
    Page.start_tree()
    {:ok, _} = Application.ensure_all_started(:cowboy)
    {:ok, device} = :file.open(file, [:read, :raw, :binary, :read_ahead])
    fill(device)
    routes = :cowboy_router.compile([{:_, [{"/pages/:id", Bench.Handler, []}]}])

    {:ok, _} =
      :cowboy.start_clear(:pages, [ip: {127, 0, 0, 1}, port: port, num_acceptors: 10], %{
        env: %{dispatch: routes},
        # The default closes each connection after 1,000 requests, which would count against it.
        max_keepalive: :infinity
      })

    Process.sleep(:infinity)
  end

  defp fill(device) do
    case :file.read(device, 2) do
      {:ok, <<size::16>>} ->
        {:ok, id} = :file.read(device, size)
        {:ok, <<length::32>>} = :file.read(device, 4)
        {:ok, json} = :file.read(device, length)
        {:ok, pid} = Page.start(:binary.copy(id))
        :ok = GenServer.call(pid, {:hold, :binary.copy(json)})
        fill(device)

      :eof ->
        :ok
    end
  end
end

[file, port] = System.argv()
Bench.Http.run(file, String.to_integer(port))
