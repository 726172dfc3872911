"""Plain pages over the same calls as the API: lists, forms and a task inbox, Chinese and English.

No page holds business rules and none writes HTML by hand: an owner states blocks
(``service.pages.blocks``) and forms (``service.pages.forms``), and the frame renders them, so that
every foreign text is escaped by one template and every form carries its token.
"""
