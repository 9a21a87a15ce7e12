"""The panel's look: JupyterLab's own colours, so that its themes apply."""

STYLE = """\
<style>
.mcp-panel {border: 1px solid var(--jp-border-color1, #bbb); padding: 8px;
  color: var(--jp-ui-font-color1, #222)}
.mcp-panel pre.mcp-text {white-space: pre-wrap; overflow-wrap: anywhere; max-height: 360px; overflow: auto;
  margin: 2px 0; padding: 4px; background: var(--jp-layout-color2, #eee);
  color: var(--jp-content-font-color1, #222)}
.mcp-panel p {margin: 2px 0}
.mcp-panel .mcp-note, .mcp-panel small {color: var(--jp-ui-font-color2, #555)}
.mcp-panel .mcp-description {white-space: pre-wrap}
.mcp-panel .mcp-error {border-left: 3px solid var(--jp-error-color1, #c00); padding-left: 6px}
.mcp-panel .mcp-question {border: 2px solid var(--jp-warn-color1, #b60); padding: 6px; margin: 4px 0}
.mcp-panel .mcp-image {max-width: 100%; max-height: 360px}
.mcp-panel .mcp-icon {width: 20px; height: 20px; vertical-align: middle}
.mcp-panel :focus-visible {outline: 2px solid var(--jp-brand-color1, #06c); outline-offset: 1px}
.mcp-panel select {color: var(--jp-ui-font-color1, #222); background: var(--jp-layout-color1, #fff)}
</style>"""
