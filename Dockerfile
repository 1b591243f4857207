# The web application for a department's machine; docs/howto/serve.md says how it is started.
FROM python:3.13-slim
RUN useradd --create-home cosmic
WORKDIR /srv/program
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip install --no-cache-dir '.[serve]'
USER cosmic
WORKDIR /srv
EXPOSE 8620
# An atlas is mounted, or named by COSMIC_ATLAS; reviewers stand in the file of COSMIC_SERVE__TOKENS.
ENTRYPOINT ["cosmic", "serve", "--host", "0.0.0.0"]
