#!/usr/bin/env escript
%%! +S 1 -noshell
%% Plays the scenarios on real Erlang/OTP and writes down what its supervisors did.
%%
%%   tests/otp/generate.escript SCENARIOS TRACES
%%
%% README.md beside this file explains the language and what is normalised. The order of a trace
%% is that of the emulator's strictly monotonic timestamps, which all processes share: it does not
%% depend on how messages to the collector are scheduled.
-module(generate).
-mode(compile).
-export([main/1, init/1, start_worker/3, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-record(child, {kind, name, restart = permanent, shutdown = 5000, strategy = one_for_one,
                intensity = {1, 5}, auto = never, significant = false, slow = 0, ends = 0,
                deaf = false, fails = {0, 0}, template, children = []}).

main([Scenarios, Traces]) ->
    logger:set_primary_config(level, none),
    ok = filelib:ensure_dir(filename:join(Traces, "x")),
    Files = filelib:wildcard(filename:join(Scenarios, "*.txt")),
    Runs = [{File, spawn_monitor(fun() -> play(File, Traces) end)} || File <- Files],
    Bad = [File || {File, Run} <- Runs, not is_played(File, Run)],
    io:format("~b scenarios on OTP ~s~n", [length(Files), erlang:system_info(otp_release)]),
    halt(min(length(Bad), 1)).

is_played(File, {Pid, Ref}) ->
    receive
        {'DOWN', Ref, process, Pid, normal} -> true;
        {'DOWN', Ref, process, Pid, Why} ->
            io:format(standard_error, "~s: ~p~n", [File, Why]),
            false
    after 120000 ->
        io:format(standard_error, "~s does not end~n", [File]),
        false
    end.

play(File, Traces) ->
    {ok, Text} = file:read_file(File),
    {Root, Script} = parse(string:split(binary_to_list(Text), "\n", all)),
    Env = #{collector => spawn_link(fun() -> collect([]) end),
            starts => ets:new(starts, [public]),
            pids => ets:new(pids, [public]),
            now => ets:new(now, [public])},
    process_flag(trap_exit, true),
    erlang:trace(self(), true, [procs, set_on_spawn, strict_monotonic_timestamp,
                                {tracer, maps:get(collector, Env)}]),
    case supervisor:start_link(?MODULE, {supervisor, Root, Env}) of
        {ok, _} ->
            quiet(Env),
            [step(Line, Root, Env) || Line <- Script ++ ["stop"]];
        {error, _} ->
            quiet(Env)
    end,
    orphans(Env),
    Lines = [[Line, $\n] || Line <- normalise(events(Env), Root)],
    ok = file:write_file(filename:join(Traces, filename:basename(File)), Lines).

%% --- the language ---

parse(Lines) ->
    Useful = [string:trim(Line, trailing) || Line <- Lines, is_useful(string:trim(Line))],
    {Tree, ["script" | Script]} = lists:splitwith(fun(Line) -> Line =/= "script" end, Useful),
    [Root | Below] = [{depth(Line), string:lexemes(Line, " ")} || Line <- Tree],
    {0, ["root" | Words]} = Root,
    {Children, []} = children(Below, 1),
    {(child(Words, #child{kind = supervisor, name = "root"}))#child{children = Children},
     [string:trim(Line) || Line <- Script]}.

is_useful("") -> false;
is_useful("#" ++ _) -> false;
is_useful(_) -> true.

depth(Line) -> (length(Line) - length(string:trim(Line, leading))) div 2.

children([{Depth, Words} | Rest], Depth) ->
    {Children, More} = children(Rest, Depth + 1),
    {Siblings, End} = children(More, Depth),
    {[(child(Words))#child{children = Children} | Siblings], End};
children(Lines, _) ->
    {[], Lines}.

child(["worker", Name | Words]) -> child(Words, #child{kind = worker, name = Name});
child(["supervisor", Name | Words]) -> child(Words, #child{kind = supervisor, name = Name});
child(["dynamic", Name | Words]) ->
    {Own, ["of" | Each]} = lists:splitwith(fun(Word) -> Word =/= "of" end, Words),
    Child = child(Own, #child{kind = supervisor, name = Name, strategy = simple_one_for_one}),
    Child#child{template = child(Each, #child{kind = worker})}.

child([], Child) -> Child;
child(["slow", Ms | Words], Child) -> child(Words, Child#child{slow = list_to_integer(Ms)});
child(["ends", Ms | Words], Child) -> child(Words, Child#child{ends = list_to_integer(Ms)});
child(["fails", Range | Words], Child) -> child(Words, Child#child{fails = pair(Range, "-")});
child(["deaf" | Words], Child) -> child(Words, Child#child{deaf = true});
child(["significant" | Words], Child) -> child(Words, Child#child{significant = true});
child([Word | Words], Child) ->
    child(Words, case {Word, lists:member($/, Word)} of
        {_, true} -> Child#child{intensity = pair(Word, "/")};
        {"brutal_kill", _} -> Child#child{shutdown = brutal_kill};
        {"infinity", _} -> Child#child{shutdown = infinity};
        {[Digit | _], _} when Digit >= $0, Digit =< $9 ->
            Child#child{shutdown = list_to_integer(Word)};
        {"one_for_" ++ _, _} -> Child#child{strategy = list_to_atom(Word)};
        {"rest_for_one", _} -> Child#child{strategy = rest_for_one};
        {"any_significant", _} -> Child#child{auto = any_significant};
        {"all_significant", _} -> Child#child{auto = all_significant};
        {_, _} -> Child#child{restart = restart(Word)}
    end).

restart("permanent") -> permanent;
restart("transient") -> transient;
restart("temporary") -> temporary.

pair(Text, Between) ->
    [First, Second] = string:split(Text, Between),
    {list_to_integer(First), list_to_integer(Second)}.

%% --- supervisors and workers ---

init({supervisor, Child, Env}) ->
    #child{name = Name, strategy = Strategy, intensity = {Intensity, Period}, auto = Auto} = Child,
    lives(Name, Env),
    Flags = #{strategy => Strategy, intensity => Intensity, period => Period,
              auto_shutdown => Auto},
    Specs = case Child#child.template of
        undefined -> [spec(Each, Env) || Each <- Child#child.children];
        Template -> [maps:put(start, {?MODULE, start_worker, [Template, Env]},
                              spec(Template, Env))]
    end,
    {ok, {Flags, Specs}};
init({worker, Child, Env}) ->
    process_flag(trap_exit, true),
    Name = Child#child.name,
    Start = ets:update_counter(maps:get(starts, Env), Name, 1, {Name, 0}),
    timer:sleep(Child#child.slow),
    case Child#child.fails of
        {First, Last} when Start >= First, Start =< Last ->
            event("fail " ++ Name, Env),
            {stop, refused};
        _ ->
            lives(Name, Env),
            {ok, Child}
    end.

spec(Child, Env) ->
    #child{kind = Kind, name = Name, restart = Restart, shutdown = Shutdown} = Child,
    Start = case Kind of
        worker -> {gen_server, start_link, [?MODULE, {worker, Child, Env}, []]};
        supervisor -> {supervisor, start_link, [?MODULE, {supervisor, Child, Env}]}
    end,
    #{id => Name, start => Start, restart => Restart, shutdown => Shutdown, type => Kind,
      significant => Child#child.significant}.

start_worker(Template, Env, Name) ->
    gen_server:start_link(?MODULE, {worker, Template#child{name = Name}, Env}, []).

lives(Name, Env) ->
    ets:insert(maps:get(pids, Env), {self(), Name}),
    ets:insert(maps:get(now, Env), {Name, self()}),
    event({start, Name, self()}, Env).

handle_call(_, _, Child) -> {reply, ok, Child}.
handle_cast(_, Child) -> {noreply, Child}.

handle_info(crash, _) -> exit(crash);
handle_info(quit, Child) -> {stop, normal, Child};
handle_info(shutdown, Child) -> {stop, shutdown, Child};
handle_info({busy, Ms}, Child) -> timer:sleep(Ms), {noreply, Child};
handle_info(hang, _) -> timer:sleep(infinity);
handle_info(_, Child) -> {noreply, Child}.

terminate(shutdown, #child{deaf = true}) -> timer:sleep(infinity);
terminate(shutdown, #child{ends = Ms}) -> timer:sleep(Ms);
terminate(_, _) -> ok.

%% --- the script ---

step(Line, Root, Env) ->
    {Words, Waits} = case lists:reverse(string:lexemes(Line, " ")) of
        ["&" | Reversed] -> {lists:reverse(Reversed), false};
        Reversed -> {lists:reverse(Reversed), true}
    end,
    %% nothing can be asked of a supervisor that is gone
    lists:suffix("_child", hd(Words)) andalso pid(lists:nth(2, Words), Env) =:= []
        orelse does(Words, Root, Env),
    Waits andalso hd(Words) =/= "sleep" andalso quiet(Env).

does(["sleep", Ms], _, _) -> timer:sleep(list_to_integer(Ms));
does(["stop"], _, Env) -> [exit(Pid, shutdown) || Pid <- pid("root", Env)];
does(["busy", Name, Ms], _, Env) ->
    [Pid ! {busy, list_to_integer(Ms)} || Pid <- pid(Name, Env)];
does(["hang", Name], _, Env) -> [Pid ! hang || Pid <- pid(Name, Env)];
does(["start_child", Parent, Name], _, Env) ->
    called("start_child " ++ Name, Env,
           supervisor:start_child(hd(pid(Parent, Env)), [Name]));
does(["start_child", Parent | Words], _, Env) ->
    Child = child(Words),
    called("start_child " ++ Child#child.name, Env,
           supervisor:start_child(hd(pid(Parent, Env)), spec(Child, Env)));
does(["terminate_child", Parent, Name], Root, Env) ->
    Id = case is_dynamic(Parent, Root) of
        true -> hd(pid(Name, Env) ++ [self()]);
        false -> Name
    end,
    called("terminate_child " ++ Name, Env,
           supervisor:terminate_child(hd(pid(Parent, Env)), Id));
does(["restart_child", Parent, Name], _, Env) ->
    called("restart_child " ++ Name, Env,
           supervisor:restart_child(hd(pid(Parent, Env)), Name));
does(["delete_child", Parent, Name], _, Env) ->
    called("delete_child " ++ Name, Env, supervisor:delete_child(hd(pid(Parent, Env)), Name));
does([How, Name], _, Env) -> [ends(How, Pid) || Pid <- pid(Name, Env)];
%% several at the same time: their supervisors see all of it at once
does([How | Names], Root, Env) ->
    Parents = lists:usort([parent(Name, Root) || Name <- Names]),
    Pids = lists:flatmap(fun(Parent) -> pid(Parent, Env) end, Parents),
    [sys:suspend(Pid) || Pid <- Pids],
    lists:foreach(fun(Pid) ->
        Ref = monitor(process, Pid),
        ends(How, Pid),
        %% a deaf one does not even end when that is its own idea
        receive {'DOWN', Ref, process, Pid, _} -> ok after 300 -> ok end
    end, lists:flatmap(fun(Name) -> pid(Name, Env) end, Names)),
    timer:sleep(20),
    [sys:resume(Pid) || Pid <- Pids].

ends("kill", Pid) -> exit(Pid, kill);
ends("crash", Pid) -> Pid ! crash;
ends("quit", Pid) -> Pid ! quit;
ends("shutdown", Pid) -> Pid ! shutdown.

called(What, Env, Answer) ->
    Said = case Answer of
        ok -> "ok";
        {ok, _} -> "ok";
        {error, {already_started, _}} -> "already_started";
        {error, Why} when is_atom(Why), Why =/= refused -> atom_to_list(Why);
        {error, _} -> "failed"
    end,
    event(What ++ " -> " ++ Said, Env).

pid(Name, Env) ->
    [Pid || {_, Pid} <- ets:lookup(maps:get(now, Env), Name), is_process_alive(Pid)].

%% Waits until nothing moves: no supervisor is busy and nothing has happened for a while.
quiet(Env) -> quiet(-1, Env).

quiet(Before, Env) ->
    [catch supervisor:which_children(Pid)
     || {Pid, Name} <- ets:tab2list(maps:get(pids, Env)), is_supervisor(Name, Env),
        is_process_alive(Pid)],
    case length(events(Env)) of
        Before -> ok;
        Count -> timer:sleep(60), quiet(Count, Env)
    end.

is_supervisor(Name, Env) ->
    %% only supervisors have no starts counted
    ets:lookup(maps:get(starts, Env), Name) =:= [].

%% Whoever is left when the whole has ended.
orphans(Env) ->
    Left = lists:sort([{Name, Pid} || {Pid, Name} <- ets:tab2list(maps:get(pids, Env)),
                                      is_process_alive(Pid)]),
    [event("orphan " ++ Name, Env) || {Name, _} <- Left],
    [exit(Pid, kill) || {_, Pid} <- Left].

%% --- what happened ---

event(What, Env) ->
    maps:get(collector, Env) ! {event, erlang:unique_integer([monotonic]), What}.

collect(Events) ->
    receive
        {trace_ts, Pid, exit, Why, {_, At}} -> collect([{At, {exit, Pid, Why}} | Events]);
        {event, At, What} -> collect([{At, What} | Events]);
        {events, From} -> From ! {events, lists:sort(Events)}, collect(Events);
        _ -> collect(Events)
    end.

events(Env) ->
    Ref = erlang:trace_delivered(all),
    receive {trace_delivered, all, Ref} -> ok end,
    maps:get(collector, Env) ! {events, self()},
    Events = receive {events, All} -> All end,
    lists:flatmap(fun({_, Event}) -> told(Event, Env) end, Events).

told({exit, Pid, Why}, Env) ->
    [{exit, Name, Pid, why(Why)} || {_, Name} <- ets:lookup(maps:get(pids, Env), Pid)];
told(Other, _) -> [Other].

why({shutdown, {failed_to_start_child, _, _}}) -> failed_start;
why({shutdown, _}) -> shutdown;
why(Why) -> Why.

%% --- where OTP itself is concurrent ---

normalise(Events, Root) ->
    Together = killed(until_orphans(Events), #{}, Root),
    sorted([line(Event) || Event <- Together], Root).

line({start, Name, _}) -> "start " ++ Name;
line({exit, Name, _, Why}) -> lists:concat(["exit ", Name, " ", Why]);
line(Line) -> Line.

%% The cleaning up behind the orphans is not part of it.
until_orphans(Events) ->
    IsOrphan = fun(Event) -> lists:prefix("orphan ", line(Event)) end,
    {Before, After} = lists:splitwith(fun(Event) -> not IsOrphan(Event) end, Events),
    Before ++ lists:filter(IsOrphan, After).

%% Those that lived below a killed supervisor die with it some time, waited for by nobody: not
%% even by its next incarnation. They are listed directly behind it.
killed([{start, Name, Pid} = Event | Rest], Alive, Root) ->
    [Event | killed(Rest, Alive#{Name => Pid}, Root)];
killed([{exit, Name, _, killed} = Event | Rest], Alive, Root) ->
    Below = maps:with(below(Name, Root), Alive),
    Dead = lists:sort([Exit || {exit, Other, Pid, killed} = Exit <- Rest,
                               maps:find(Other, Below) =:= {ok, Pid}]),
    [Event | Dead] ++ killed(Rest -- Dead, maps:without(maps:keys(Below), Alive), Root);
killed([Event | Rest], Alive, Root) -> [Event | killed(Rest, Alive, Root)];
killed([], _, _) -> [].

%% The children of a dynamic supervisor end all at the same time.
sorted([], _) -> [];
sorted([Line | _] = Lines, Root) ->
    case {string:lexemes(Line, " "), Lines} of
        {["exit", Name, _], _} ->
            Parent = parent(Name, Root),
            case Parent =/= none andalso is_dynamic(Parent, Root) of
                true ->
                    IsSibling = fun(Other) ->
                        case string:lexemes(Other, " ") of
                            ["exit", Who, _] -> parent(Who, Root) =:= Parent;
                            _ -> false
                        end
                    end,
                    {Siblings, Rest} = lists:splitwith(IsSibling, Lines),
                    lists:sort(Siblings) ++ sorted(Rest, Root);
                false -> [Line | sorted(tl(Lines), Root)]
            end;
        _ -> [Line | sorted(tl(Lines), Root)]
    end.

%% Dynamic children are named after their supervisor: d1, d2 live below d.
parent(Name, Root) ->
    case [Above#child.name || Above <- all(Root),
                              lists:keymember(Name, #child.name, Above#child.children)] of
        [Parent] -> Parent;
        [] ->
            Owners = [Above#child.name || Above <- all(Root), is_dynamic(Above#child.name, Root),
                                          lists:prefix(Above#child.name, Name),
                                          Above#child.name =/= Name],
            hd(Owners ++ [none])
    end.

below(Name, Root) ->
    case [Child || Child <- all(Root), Child#child.name =:= Name] of
        [#child{kind = supervisor} = Child] ->
            Names = [Each#child.name || Each <- all(Child), Each#child.name =/= Name],
            Names ++ [Name ++ integer_to_list(N) || N <- lists:seq(1, 9),
                                                    Child#child.template =/= undefined];
        _ -> []
    end.

is_dynamic(Name, Root) ->
    [] =/= [Child || Child <- all(Root), Child#child.name =:= Name,
                     Child#child.template =/= undefined].

all(Child) -> [Child | lists:flatmap(fun all/1, Child#child.children)].
