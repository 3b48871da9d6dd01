"""What is shown to people, in the portal and in a chat: templates, the style and the script."""
