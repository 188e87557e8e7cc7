# ArmedMusic in a container. The bot only: without the simulator, the demo and the bench.
FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN cargo build --release --locked --no-default-features

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates ffmpeg tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/armedmusic --create-home armedmusic
COPY --from=build /build/target/release/armedmusic /usr/local/bin/armedmusic
COPY config/armedmusic.toml /etc/armedmusic/armedmusic.toml
USER armedmusic
WORKDIR /var/lib/armedmusic
# state, and the cache in it
VOLUME /var/lib/armedmusic
# the bot drains on SIGTERM; give it longer than its own 15 s (docker stop --time 30)
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "armedmusic"]
CMD ["run", "--config", "/etc/armedmusic/armedmusic.toml"]
