defmodule Bench.Asset do
  @moduledoc "An asset of a report: a struct, as all of them then share their keys."
  @keys [
    :url,
    :kind,
    :status,
    :http_status,
    :transfer_bytes,
    :resource_bytes,
    :content_type,
    :encoding,
    :initiator,
    :third_party,
    :lazy,
    :conditional,
    :duration_ms,
    :error
  ]
  defstruct @keys

  @words [:kind, :status, :encoding]

  @doc "From a row of values in the order of the keys; what is one of a few words is an atom."
  def new(row) do
    asset = struct!(__MODULE__, Enum.zip(@keys, row))
    Enum.reduce(@words, asset, fn key, asset -> Map.update!(asset, key, &atom/1) end)
  end

  defp atom(word) when is_binary(word), do: String.to_atom(word)
  defp atom(nil), do: nil
end

defmodule Bench.Report do
  @moduledoc """
  A report as terms, in the least memory: every text that occurs twice is held once, and none is a
  slice of what it was read from.
  """

  def new(head, rows) do
    texts =
      for row <- rows,
          text <- row,
          is_binary(text),
          uniq: true,
          into: %{},
          do: {text, :binary.copy(text)}

    rows = for row <- rows, do: Enum.map(row, &Map.get(texts, &1, &1))
    {atoms(head), Enum.map(rows, &Bench.Asset.new/1)}
  end

  # The names of fields, kinds and hosts' fields; hosts themselves stay texts.
  defp atoms(map) when is_map(map),
    do: Map.new(map, fn {key, value} -> {key(key), atoms(value)} end)

  defp atoms(value), do: value

  defp key(key), do: if(String.contains?(key, "."), do: key, else: String.to_atom(key))
end

defmodule Bench.Page do
  @moduledoc """
  One process per page, as Libra has it: under a DynamicSupervisor, found through a Registry.
  What it holds is up to the bench: nothing, a report as terms, or its JSON.
  """
  use GenServer

  def start_link({id, _held} = args), do: GenServer.start_link(__MODULE__, args, name: via(id))

  def via(id), do: {:via, Registry, {Bench.Registry, id}}

  @doc "The supervisor and the registry, as a program would start them."
  def start_tree do
    {:ok, _} = Registry.start_link(keys: :unique, name: Bench.Registry)

    {:ok, _} =
      DynamicSupervisor.start_link(
        strategy: :one_for_one,
        name: Bench.Pages,
        # The budget is shared by all children there; here no crash may exhaust it.
        max_restarts: 1_000_000_000,
        max_seconds: 1
      )
  end

  def start(id, held \\ nil) do
    DynamicSupervisor.start_child(Bench.Pages, {__MODULE__, {id, held}})
  end

  def whereis(id) do
    case Registry.lookup(Bench.Registry, id) do
      [{pid, _}] -> pid
      [] -> nil
    end
  end

  @impl true
  def init({_id, {:counted, counter}}) do
    :counters.add(counter, 1, 1)
    {:ok, nil}
  end

  def init({_id, nil}), do: {:ok, nil}

  @impl true
  # Not as an argument of the start: the supervisor would keep a copy of that for the restart.
  def handle_call({:hold, {head, rows}}, _from, nil) do
    {:reply, :ok, Bench.Report.new(head, rows), :hibernate}
  end

  def handle_call({:hold, json}, _from, nil), do: {:reply, :ok, json, :hibernate}
  def handle_call(:json, _from, json), do: {:reply, json, json}
  def handle_call(:state, _from, state), do: {:reply, state, state}

  @impl true
  def handle_cast(:crash, _state), do: exit(:boom)
end
