# Starts, restarts and calls per second: elixir processes.exs COUNT
Code.require_file("page.ex", __DIR__)
Logger.configure(level: :none)

defmodule Bench.Processes do
  alias Bench.Page

  def run(count) do
    Page.start_tree()
    starts(div(count, 10), "warm")
    seconds = starts(count, "page")
    calls = calls(count)

    # Waves with a rest between them: a supervisor of Elixir walks through every restart of the last
    # second at each restart, which is no matter in a small wave.
    waves = for wave <- 0..4, do: restarts((wave * 1000 + 1)..((wave + 1) * 1000))
    storm = restarts(1..count)
    wave = Enum.at(Enum.sort(waves), 2)

    IO.puts(
      ~s({"starts": #{count / seconds}, "calls": #{calls}, "wave": #{wave}, "storm": #{storm}})
    )
  end

  defp starts(count, prefix) do
    counter = :counters.new(1, [])
    Process.put(:counter, counter)
    ids = for number <- 1..count, do: "#{prefix}-#{number}"

    {took, _} =
      :timer.tc(fn ->
        Enum.each(ids, fn id -> {:ok, _} = Page.start(id, {:counted, counter}) end)
      end)

    took / 1.0e6
  end

  # Restarts per second when all of a range crash at once.
  defp restarts(range) do
    Process.sleep(2_100)
    counter = Process.get(:counter)
    target = :counters.get(counter, 1) + Range.size(range)
    pids = for number <- range, do: Page.whereis("page-#{number}")

    {took, _} =
      :timer.tc(fn ->
        Enum.each(pids, &GenServer.cast(&1, :crash))
        wait(counter, target)
      end)

    Range.size(range) / (took / 1.0e6)
  end

  # A restart is over when init has run again; the counter says so without asking each process.
  defp wait(counter, target) do
    if :counters.get(counter, 1) < target do
      receive do
      after
        1 -> :ok
      end

      wait(counter, target)
    end
  end

  # By name through the registry, as a web handler would.
  defp calls(count) do
    ids = for number <- 1..count, do: "page-#{number}"

    {took, _} =
      :timer.tc(fn ->
        Enum.each(ids, fn id -> nil = GenServer.call(Page.via(id), :state) end)
      end)

    count / (took / 1.0e6)
  end
end

[count] = System.argv()
Bench.Processes.run(String.to_integer(count))
