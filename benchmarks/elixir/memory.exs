# Bytes per resting page: elixir memory.exs FILE terms|json|zlib
# FILE holds, in Erlang's external term format, a list of [id, head, rows, json].
Code.require_file("page.ex", __DIR__)

defmodule Bench.Memory do
  alias Bench.Page

  def run(file, held) do
    Page.start_tree()
    # In a process of its own: what reading the file leaves behind dies with it.
    ids = in_process(fn -> start(file, held, 0..99) end)
    before = total()
    in_process(fn -> start(file, held, 100..1_000_000) end)
    ids_all = Registry.select(Bench.Registry, [{{:"$1", :_, :_}, [], [:"$1"]}])
    count = length(ids_all) - length(ids)
    after_all = total()
    pids = ids_all |> Enum.take(500) |> Enum.map(&Page.whereis/1)
    heap = pids |> Enum.map(&elem(Process.info(&1, :memory), 1)) |> average()
    IO.puts(~s({"count": #{count}, "bytes": #{(after_all - before) / count}, "process": #{heap}}))
  end

  defp start(file, held, range) do
    file
    |> File.read!()
    |> :erlang.binary_to_term()
    |> Enum.slice(range)
    |> Enum.map(fn [id, head, rows, json] ->
      {:ok, pid} = Page.start(id)
      :ok = GenServer.call(pid, {:hold, hold(held, head, rows, json)})
      id
    end)
  end

  # A copy of its own for each: a slice of the file's binary would keep the whole file alive.
  defp hold("terms", head, rows, _json), do: {head, rows}
  defp hold("json", _head, _rows, json), do: :binary.copy(json)
  defp hold("zlib", _head, _rows, json), do: :zlib.compress(json)

  defp total do
    # Those that have ended are given the time to go, with what they held.
    Process.sleep(500)
    Enum.each(Process.list(), &:erlang.garbage_collect/1)
    :erlang.memory(:total)
  end

  defp in_process(work), do: work |> Task.async() |> Task.await(:infinity)

  defp average(values), do: Enum.sum(values) / length(values)
end

[file, held] = System.argv()
Bench.Memory.run(file, held)
